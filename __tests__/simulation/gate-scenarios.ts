// Situations the exploration runs through: who can do what, and what may go wrong. The bounded run in the test suite takes
// the small budgets, the soak the large ones.
import { type Committer, DEFAULTS, type ModelOptions, NO_FAULTS } from './gate-model.ts';

export interface Scenario {
  readonly name: string;
  readonly options: ModelOptions;
}

type Mode = 'wait' | 'announce';

function three(
  committers: readonly Committer[],
  modes: readonly Mode[] = [],
  schemas: readonly string[] = [],
) {
  return Object.fromEntries(
    ['a', 'b', 'c'].map((name, index) => [
      name,
      {
        committer: committers[index] ?? 'none',
        mode: modes[index] ?? 'wait',
        schema: schemas[index] ?? '42',
      },
    ]),
  );
}

const FEW = { ...NO_FAULTS, crash: 1, rerun: 1, deadline: 1 };

const CALM_OPTIONS: readonly Scenario[] = [
  { name: 'all can migrate', options: DEFAULTS },
  { name: 'one of them can migrate', options: { ...DEFAULTS, members: three(['none', 'migrate', 'none']) } },
  { name: 'a probe and a migration', options: { ...DEFAULTS, members: three(['probe', 'migrate', 'none']) } },
  { name: 'nobody can migrate', options: { ...DEFAULTS, members: three([]), worldSchema: '42' } },
  { name: 'nobody has an API probe', options: { ...DEFAULTS, canProbeApi: false } },
  { name: 'reads and writes apart', options: { ...DEFAULTS, writes: 'split' } },
  {
    name: 'all released, a later job waits and migrates',
    options: {
      ...DEFAULTS,
      members: three([], ['announce', 'announce', 'announce']),
      waiter: { committer: 'both' },
    },
  },
  {
    name: 'some released, one waits and migrates',
    options: {
      ...DEFAULTS,
      members: three(['none', 'none', 'both'], ['announce', 'announce', 'wait']),
      waiter: { committer: 'none' },
    },
  },
];

/** Without faults: each must open, without a timer, within 2N + 1 writes. */
export const CALM: readonly Scenario[] = CALM_OPTIONS.map(({ name, options }) => ({
  name,
  options: { ...options, countWrites: true, committerConfirms: true },
}));

/** With faults at any moment. */
export const FAULTY: readonly Scenario[] = [
  { name: 'a crash, a re-run and a deadline', options: { ...DEFAULTS, budget: FEW } },
  {
    name: 'a lease instead of proof, a stalled holder',
    options: { ...DEFAULTS, evidence: 'expired', budget: { ...NO_FAULTS, crash: 1, suspicion: 1, rerun: 1 } },
  },
  {
    name: 'unequal members, failing and lost migrations',
    options: {
      ...DEFAULTS,
      members: three(['both', 'migrate', 'none']),
      evidence: 'expired',
      budget: { ...NO_FAULTS, crash: 1, suspicion: 1, failedMigration: 1 },
    },
  },
  {
    name: 'a member that is behind, re-runs at other versions',
    options: {
      ...DEFAULTS,
      members: three(['both', 'both', 'both'], [], ['42', '42', '41']),
      rerunSchemas: ['41', '42', '43'],
      budget: { ...NO_FAULTS, rerun: 2 },
    },
  },
  {
    name: 'downgrades that are meant',
    options: {
      ...DEFAULTS,
      allowDowngrade: true,
      rerunSchemas: ['41', '42'],
      budget: { ...NO_FAULTS, crash: 1, rerun: 1 },
    },
  },
  {
    name: 'members that leave, and fail the gate',
    options: { ...DEFAULTS, budget: { ...NO_FAULTS, leave: 1, rerun: 1 } },
  },
  {
    name: 'members that leave, and are waited for',
    options: { ...DEFAULTS, onLeave: 'wait', budget: { ...NO_FAULTS, leave: 1, rerun: 1 } },
  },
  {
    name: 'new attempts beside living old ones',
    options: { ...DEFAULTS, orphans: true, budget: { ...NO_FAULTS, rerun: 1, deadline: 1 } },
  },
  {
    name: 'released members and a wait-for job that dies',
    options: {
      ...DEFAULTS,
      members: three([], ['announce', 'announce', 'announce']),
      waiter: { committer: 'both' },
      budget: { ...FEW, suspicion: 1, failedMigration: 1 },
    },
  },
  {
    name: 'a probe and a migration that is lost',
    options: { ...DEFAULTS, members: three(['probe', 'migrate', 'none']), budget: FEW },
  },
];

/** The same situations with room for more faults: for the soak. */
export const DEEP: readonly Scenario[] = FAULTY.map(({ name, options }) => ({
  name,
  options: {
    ...options,
    orphans: true,
    budget: { crash: 2, rerun: 3, deadline: 1, leave: 1, failedMigration: 1, suspicion: 1 },
  },
}));
