// Registers ts-hooks.js; a file of its own because hooks run on their own thread.
import { register } from 'node:module';

register('./ts-hooks.js', import.meta.url);
