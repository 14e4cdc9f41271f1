// Jest transformer: strips TypeScript types with the engine inside Node itself, so lines and columns stay true
// and no source map is needed. It does not check types; `npm run types` does.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { transformSync } = createRequire(import.meta.url)('amaro');
const own = readFileSync(new URL(import.meta.url), 'utf8');

export default {
  getCacheKey: (source, path) => `${own.length}:${path}:${source}`,
  process: (source) => ({ code: transformSync(source, { mode: 'strip-only' }).code }),
};
