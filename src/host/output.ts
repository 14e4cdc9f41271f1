/**
 * Standard output and error as a command line writes them: at once and in full, so that nothing is lost when the process ends
 * right after, and without loading node's streams, which cost a start more than writing does.
 * NOT guaranteed: delivery to a reader that has gone; like any filter, a command whose reader left (`| head`) goes on quietly.
 */
import fs from 'node:fs';

export interface Output {
  /** True where a person is looking. */
  readonly isTerminal: boolean;
  write(text: string): void;
}

/** `stream` is node's own for the same descriptor, asked for only where it is really needed. */
export function createOutput(descriptor: 1 | 2, stream: () => NodeJS.WriteStream): Output {
  return {
    get isTerminal() {
      return mayBeTerminal(descriptor) && stream().isTTY === true;
    },
    write(text) {
      let bytes: Uint8Array = Buffer.from(text);
      try {
        while (bytes.length > 0) bytes = bytes.subarray(fs.writeSync(descriptor, bytes));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // The reader is slow and the descriptor does not block: node's stream waits for it, and the process with it.
        if (code === 'EAGAIN') stream().write(bytes);
        else if (code !== 'EPIPE') throw error;
      }
    },
  };
}

// As `os.devNull`, whose module has more to load than this.
const NULL_DEVICE = process.platform === 'win32' ? '\\\\.\\nul' : '/dev/null';

/** False for files, pipes and the null device: for these nobody needs node's stream to find it out. */
function mayBeTerminal(descriptor: number): boolean {
  try {
    const device = fs.fstatSync(descriptor);
    return device.isCharacterDevice() && device.rdev !== fs.statSync(NULL_DEVICE).rdev;
  } catch {
    // A closed descriptor is no terminal.
    return false;
  }
}
