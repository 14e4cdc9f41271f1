#!/usr/bin/env node
import { E as runTerminal } from "./chunks/core.js";

await runTerminal(process);
