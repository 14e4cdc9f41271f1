/**
 * The library: what the command line, the Action and the hooks do, as functions with types. Everything here is public and
 * changes by semantic versioning only; what is not here may change at any time. Compare errors by `code`, not by class.
 */

export type { Account, AccountOptions, RoomRules } from './app/account.ts';
export type { CheckEvent, CheckReport, CommandResult, GateEvent } from './app/contract.ts';
export { withRoom } from './app/room.ts';
export type { RoomOptions, RoomPlace } from './app/room-contract.ts';
export { type Clock, systemClock, type Timer } from './base/clock.ts';
export {
  AuthError,
  CancelledError,
  ConfigError,
  type ConfigProblem,
  CorruptRecordError,
  DeadlineError,
  type ErrorCode,
  type ErrorDetails,
  EXIT_CODES,
  exitCodeOf,
  FencedError,
  hasCode,
  IndeterminateError,
  InvariantError,
  LeaseLostError,
  LimitError,
  LockstepError,
  ThrottledError,
  UnavailableError,
  UnsupportedError,
} from './base/errors.ts';
export { createLogger, type Logger, type LogLevel, nullLogger } from './base/logger.ts';
export { createRedactor, forMarkdown, forWorkflowLog, plain } from './base/text.ts';
export type { CommandOptions, CommonOptions, DurationText, HookOptions } from './config/hook-options.ts';
export { parseGateConfig } from './gate/config.ts';
export type { GateDoc, GateFailure, GateFailureCode, GatePhase } from './gate/contract.ts';
export type {
  GateConfig,
  GateEvent as GateInput,
  GateSelf,
  GateVerdict,
  ReduceContext,
  Reduction,
} from './gate/event.ts';
export { reduce as reduceGate } from './gate/reduce.ts';
export type { GateReport } from './gate/report.ts';
export { readHookResult } from './host/hook-result.ts';
export { type CallOptions, check, gate, reap } from './host/library.ts';
export { openAccount } from './host/library-account.ts';
export {
  createLease,
  createLeaseManager,
  createThrottle,
  type LeaseOptions,
  openStore,
} from './host/library-parts.ts';
export { VERSION } from './host/version.ts';
export type {
  AcquireOptions,
  Evidence,
  HolderInfo,
  Lease,
  LeaseEntry,
  LeaseManager,
  LeaseRecord,
  LeaseTicket,
  LeaseView,
  ReleaseResult,
  TryAcquireOptions,
  TryAcquireResult,
} from './lease/contract.ts';
export { admitToken, FENCING_HEADER, type Guard, guard, newestFile } from './lease/guard.ts';
export type {
  AnswerMeta,
  App,
  DestroyAnswer,
  GetAnswer,
  ListAnswer,
  Provider,
  ProviderCallOptions,
  ProviderCapabilities,
  ProviderFailure,
  ProviderPace,
  ScopeAnswer,
} from './provider/contract.ts';
export type { ProviderModule, ProviderModuleOptions } from './provider/module.ts';
export type {
  AppOutcome,
  AppReport,
  ReapCounts,
  ReapEvent,
  ReapOutcome,
  ReapReport,
  ReapRequests,
  Verdict,
} from './reaper/contract.ts';
export { RoomFullError } from './reaper/room.ts';
export type { RoomCensus } from './reaper/room-record.ts';
export type {
  Entry,
  Revision,
  Store,
  StoreCallOptions,
  StoreCapabilities,
  Watch,
  WriteResult,
} from './store/contract.ts';
export type { RateSignal, Throttle, ThrottleSettings } from './throttle/contract.ts';
export {
  createSharedThrottle,
  type SharedThrottle,
  type SharedThrottleOptions,
} from './throttle/shared-throttle.ts';
export { type ThrottledFetchOptions, throttledFetch } from './throttle/throttled-fetch.ts';
