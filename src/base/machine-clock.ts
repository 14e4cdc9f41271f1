/**
 * Which clock this process reads: the name under which processes that share one kernel clock recognise each other.
 * NOT guaranteed: that two machines never have the same name. Copies of a machine resumed from one memory snapshot keep its
 * boot id while their clocks part; who compares readings must have a second, independent reason to believe them.
 * Invariant: where it cannot be told for certain, there is no name.
 */
import { readFileSync, readlinkSync } from 'node:fs';

const BOOT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TIME_NAMESPACE = /^time:\[(\d{1,20})\]$/;

/**
 * The name of the clock of this boot as seen from this time namespace (a namespace shifts the clock by a constant of its
 * own); null where either does not read as Linux writes it.
 */
export function parseClockId(bootId: string, timeNamespace: string): string | null {
  const boot = bootId.trim();
  const [, namespace] = TIME_NAMESPACE.exec(timeNamespace.trim()) ?? [];
  return BOOT_ID.test(boot) && namespace !== undefined ? `${boot}/${namespace}` : null;
}

/**
 * Two small reads of `/proc`; null off Linux, and where either is missing: without a namespace's number (kernels before 5.6,
 * some sandboxes) nothing says that the clock is the kernel's own.
 */
export function readClockId(): string | null {
  if (process.platform !== 'linux') return null;
  try {
    return parseClockId(
      readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'),
      readlinkSync('/proc/self/ns/time'),
    );
  } catch {
    // No /proc, or not ours to read: the clock stays nameless and is compared with nobody's.
    return null;
  }
}
