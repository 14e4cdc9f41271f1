const xxhash = null;

export { xxhash as default };
