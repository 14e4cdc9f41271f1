// Waits for what a running step prints; hand `onOutput` to the step.
export interface RunnerOutput {
  onOutput(text: string): void;
  /** Resolves when all that was printed so far matches. One wait at a time. */
  until(pattern: RegExp): Promise<void>;
}

export function followOutput(): RunnerOutput {
  let printed = '';
  let look: (() => void) | null = null;
  return {
    onOutput(text) {
      printed = text;
      look?.();
    },
    until: (pattern) =>
      new Promise((resolve) => {
        look = () => {
          if (pattern.test(printed)) resolve();
        };
        look();
      }),
  };
}
