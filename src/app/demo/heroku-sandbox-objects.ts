/**
 * What the Heroku sandbox answers with: apps and releases in the fields of Heroku's published JSON schema. Pure but for the ids
 * it gives. NOT here: which of them exist; that is the world's.
 */
import type { JsonObject } from '../../base/codec.ts';
import { createNonce } from '../../base/identity.ts';

export interface SandboxAccount {
  readonly id: string;
  readonly email: string;
}

/** Heroku writes whole seconds. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** The fields of `release` in the published schema. */
export function releaseObject(about: {
  app: JsonObject;
  status: string;
  version: number;
  at: string;
}): JsonObject {
  const { app, status, version, at } = about;
  return {
    addon_plan_names: [],
    artifacts: [],
    app: { id: app['id'], name: app['name'] },
    created_at: at,
    description: 'Deploy 4d1b2c3',
    eligible_for_rollback: status === 'succeeded',
    id: createNonce(),
    oci_image: null,
    slug: null,
    status,
    updated_at: at,
    user: { email: 'ci@example.com', id: createNonce() },
    version,
    current: status === 'succeeded',
    output_stream_url: null,
  };
}

/** The fields of `app` in the published schema, all of them. */
export function appObject(app: {
  id: string;
  name: string;
  createdAt: string;
  owner: SandboxAccount;
  team: { id: string; name: string } | null;
  maintenance: boolean | undefined;
}): JsonObject {
  const stack = { id: 'cb63c7ca-0a5a-4b4e-8f05-1c5a4a3b2d24', name: 'heroku-24' };
  return {
    acm: false,
    archived_at: null,
    buildpack_provided_description: null,
    build_stack: stack,
    created_at: app.createdAt,
    git_url: `https://git.heroku.com/${app.name}.git`,
    id: app.id,
    internal_routing: null,
    maintenance: app.maintenance ?? false,
    name: app.name,
    organization: app.team,
    owner: { email: app.owner.email, id: app.owner.id },
    region: { id: '59accabd-516d-4f0e-83e6-6e3757701145', name: 'us' },
    released_at: app.createdAt,
    repo_size: null,
    slug_size: null,
    space: null,
    stack,
    team: app.team,
    updated_at: app.createdAt,
    web_url: `https://${app.name}.herokuapp.com/`,
  };
}
