/** The package's `lockstep/provider-conformance`: what a provider of one's own is held against, in any test runner. */
export type {
  HttpFixture,
  HttpPlay,
  LinkFixture,
  ProviderCase,
  ProviderFixture,
  ProviderHarness,
} from './provider/conformance/fixture.ts';
export { describeProvider } from './provider/conformance/suite.ts';
