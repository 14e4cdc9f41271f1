/**
 * Hides secrets in what the user's own commands print. Their output travels: into failures, and with those to the board and
 * to other jobs. NOT guaranteed: that a secret which nobody named to the host is found.
 */
import { createRedactor } from '../base/text.ts';
import type { CommandContext } from './contract.ts';

/** What the host knows, the credentials every command may use, and `more`. Apply it before anything is cut. */
export function createHiding(
  context: CommandContext,
  more: readonly string[] = [],
): (text: string) => string {
  const { env } = context;
  const own = createRedactor([env['HEROKU_API_KEY'] ?? '', env['GITHUB_TOKEN'] ?? '', ...more]);
  return (text) => own(context.redact?.(text) ?? text);
}
