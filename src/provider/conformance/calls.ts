/** Calls that several conformance cases make, with what must hold of them every time. */
import assert from 'node:assert/strict';
import type { App } from '../contract.ts';
import type { ProviderFixture } from './fixture.ts';

type Calls = Pick<ProviderFixture, 'provider'> & { signal: AbortSignal };

/** Opens, and reads every page; each must be right. */
export async function listAll({ provider, signal }: Calls): Promise<App[]> {
  assert.equal((await provider.open({ signal })).kind, 'open');
  const apps: App[] = [];
  let cursor: string | null = null;
  do {
    const answer = await provider.list(cursor, { signal });
    assert.equal(answer.kind, 'page', 'detail' in answer ? answer.detail : undefined);
    if (answer.kind !== 'page') break;
    assert.equal(answer.broken, undefined);
    apps.push(...answer.apps);
    cursor = answer.next;
  } while (cursor !== null);
  return apps;
}

/** The one app there is. */
export async function only(calls: Calls): Promise<App> {
  const [app, ...others] = await listAll(calls);
  assert.ok(app && others.length === 0);
  return app;
}

/** Deletes as the reaper would. */
export function destroy(app: App, { provider, signal }: Calls) {
  return provider.destroy(app, { signal, fencingToken: 1 });
}

/** Names in order. */
export function names(apps: readonly App[]): string[] {
  return apps.map((app) => app.name).sort(byText);
}

/** An order that depends on no locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
