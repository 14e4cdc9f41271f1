/**
 * The file calls that every start makes, as promises over node's callbacks: `node:fs` is there already when a program begins,
 * while `node:fs/promises` takes milliseconds to load. What only writers need (file handles) is theirs to import.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';

export const access = promisify(fs.access);
export const link = promisify(fs.link);
export const mkdir = promisify(fs.mkdir);
export const readdir = promisify(fs.readdir);
export const readFile = promisify(fs.readFile);
export const stat = promisify(fs.stat);
export const unlink = promisify(fs.unlink);
