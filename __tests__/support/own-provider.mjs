// A provider module as a user would write one, over the folder that the variable APPS names.
import { destroyApp, listApps, readAppFile } from './own-apps.mjs';

export function createProvider({ env, account }) {
  const folder = env.APPS;
  const meta = () => ({ status: null, serverNowMs: Date.now() });
  const appOf = ({ id, name, createdAt, version }) => ({
    id,
    name,
    createdAtMs: Date.parse(createdAt),
    version,
  });
  return {
    name: 'own-apps',
    accountId: (account ?? folder).replace(/[^A-Za-z0-9._-]/g, '-').slice(-64),
    capabilities: { atomicPrecondition: false, openRequests: 0, pageSize: 1000 },
    async open() {
      return { kind: 'open', meta: meta(), label: folder };
    },
    async list() {
      return { kind: 'page', meta: meta(), apps: listApps(folder).map(appOf), next: null };
    },
    async get(id) {
      const app = readAppFile(folder, id);
      return app ? { kind: 'found', meta: meta(), app: appOf(app) } : { kind: 'gone', meta: meta() };
    },
    async destroy(app) {
      return { kind: destroyApp(folder, app.id) ? 'deleted' : 'gone', meta: meta() };
    },
    async close() {
      // A folder needs none.
    },
  };
}
