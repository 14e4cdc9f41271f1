// Scripted upstreams and a small world for tests of checks: everything on a manual clock, nothing sleeps.
import { abortReason, type Clock } from '../../src/base/clock.ts';
import { nullLogger } from '../../src/base/logger.ts';
import type { AliasTransition, AliasWorld } from '../../src/check/contract.ts';
import { type CheckRecord, checkKey, decodeCheckRecord } from '../../src/probe/check-record.ts';
import type { HealthStatus, Probe, ProbeFindings } from '../../src/probe/contract.ts';
import { createResult, unreachable } from '../../src/probe/result.ts';
import type { Store } from '../../src/store/contract.ts';
import type { MemoryBackend } from '../../src/store/drivers/memory.ts';
import { createEdges, type Edges } from '../../src/store/edges.ts';
import { createFaultyNetwork, type FaultDecider, type FaultyNetwork } from '../support/faulty-store.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

export interface ScriptedProbe extends Probe {
  /** What it answers from now on; fires an edge where it has some and `edge` is not false. */
  say(findings: HealthStatus | ProbeFindings, options?: { edge?: boolean }): void;
  fail(detail?: string): void;
  /** From now on a call never answers by itself. */
  hang(): void;
  fireEdge(): void;
  readonly calls: number;
}

export function createScriptedProbe(
  id: string,
  options: { hasEdges?: boolean; ignoresAbort?: boolean } = {},
): ScriptedProbe {
  let result = createResult({ status: 'passing', detail: 'fine' });
  let hangs = false;
  let calls = 0;
  const watches = new Set<Edges>();
  const fireEdge = () => {
    for (const edges of watches) edges.emit();
  };
  return {
    id,
    watch: options.hasEdges
      ? ({ signal }) => {
          const edges = createEdges(signal);
          watches.add(edges);
          edges.ended.addEventListener('abort', () => watches.delete(edges));
          edges.connected();
          return edges.watch;
        }
      : null,
    async probe({ signal }) {
      calls += 1;
      if (!hangs) return result;
      return new Promise((_, reject) => {
        if (!options.ignoresAbort) signal.addEventListener('abort', () => reject(abortReason(signal)));
      });
    },
    async close() {
      // Owns nothing.
    },
    say(findings, { edge = true } = {}) {
      hangs = false;
      result = createResult(
        typeof findings === 'string' ? { status: findings, detail: `it is ${findings}` } : findings,
      );
      if (edge) fireEdge();
    },
    fail(detail = 'connection refused') {
      hangs = false;
      result = unreachable(detail);
    },
    hang() {
      hangs = true;
    },
    fireEdge,
    get calls() {
      return calls;
    },
  };
}

export interface TestWorld {
  readonly clock: ManualClock;
  readonly network: FaultyNetwork;
  readonly transitions: AliasTransition[];
  /** A world for one actor, with a store handle of its own. */
  open(actor: string, options?: { clock?: Clock; store?: Store } & Partial<AliasWorld>): AliasWorld;
  /** What really is in the store. */
  stored(name: string): CheckRecord | null;
  /** Every record that was ever written under the name, in order. */
  written(name: string): { actor: string; record: CheckRecord }[];
}

export function createTestWorld(
  options: { decide?: FaultDecider; backend?: MemoryBackend; seed?: number } = {},
): TestWorld {
  const clock = createManualClock({ seed: options.seed ?? 1 });
  const network = createFaultyNetwork({ clock, ...options });
  const transitions: AliasTransition[] = [];
  return {
    clock,
    network,
    transitions,
    open: (actor, more = {}) => ({
      store: network.open(actor),
      namespace: 'test',
      clock,
      writer: actor,
      logger: nullLogger,
      onTransition: (transition) => transitions.push(transition),
      ...more,
    }),
    stored(name) {
      const entry = network.backend.read(checkKey('test', name));
      return entry && decodeCheckRecord(entry.value, name);
    },
    written: (name) =>
      network.changes
        .filter((change) => change.key === checkKey('test', name))
        .flatMap(({ actor, entry }) =>
          entry === null ? [] : [{ actor, record: decodeCheckRecord(entry.value, name) }],
        ),
  };
}

export const SECOND = 1000;
export const MINUTE = 60_000;
