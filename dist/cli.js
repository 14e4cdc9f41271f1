#!/usr/bin/env node
import { D as runTerminal } from "./chunks/core.js";

await runTerminal(process);
