/**
 * The order of deletion: the oldest first, ties by id, but each app only after its children. Pure. Parents that form a
 * circle (a provider's mistake) are cut where the oldest of them stands; nobody is lost or doubled.
 */
import type { App } from '../provider/contract.ts';

/** Every app once, children before parents. Apps without a known age come last. */
export function orderChildrenFirst(apps: readonly App[]): App[] {
  const byAge = [...apps].sort(
    (a, b) =>
      (a.createdAtMs ?? Number.MAX_VALUE) - (b.createdAtMs ?? Number.MAX_VALUE) || (a.id < b.id ? -1 : 1),
  );
  const children = new Map<string, App[]>();
  for (const app of byAge) {
    if (app.parentId === null) continue;
    const siblings = children.get(app.parentId);
    if (siblings) siblings.push(app);
    else children.set(app.parentId, [app]);
  }
  const ordered: App[] = [];
  const entered = new Set<string>();
  for (const root of byAge) {
    // An explicit stack: a chain of thousands must not exhaust the call stack.
    const stack: { app: App; isLeaving: boolean }[] = [{ app: root, isLeaving: false }];
    for (let step = stack.pop(); step; step = stack.pop()) {
      const { app, isLeaving } = step;
      if (isLeaving) {
        ordered.push(app);
      } else if (!entered.has(app.id)) {
        entered.add(app.id);
        stack.push({ app, isLeaving: true });
        for (const child of (children.get(app.id) ?? []).toReversed())
          stack.push({ app: child, isLeaving: false });
      }
    }
  }
  return ordered;
}
