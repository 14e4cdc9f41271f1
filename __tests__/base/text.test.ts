import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRedactor, forMarkdown, forWorkflowLog, plain } from '../../src/base/text.ts';

const hostile = [
  'a\nb',
  '\u001b[31mred\u001b[0m',
  '::set-output name=x::y',
  '##[command]rm',
  '%0A::error::x',
  'a|b<script>@all`x`[l](http://e)',
  '\u202egnp.exe',
  '\u0085next',
  'x'.repeat(2_000_000),
];

describe('text from outside', () => {
  test.each(hostile)('becomes one short printable line (%#)', (text) => {
    for (const printable of [plain, forWorkflowLog]) {
      const safe = printable(text);
      expect(safe.length).toBeLessThan(1100);
      expect(safe).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
    }
  });

  test('never holds a control character, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(plain(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  test('cannot be a workflow command, new or old style, anywhere in the line', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('::', '##['), fc.string(), (before, command, after) => {
        const safe = forWorkflowLog(`${before}${command}${after}`);
        expect(safe).not.toContain('::');
        expect(safe).not.toContain('##[');
      }),
    );
  });

  test('is no markup in Markdown', () => {
    expect(forMarkdown('a|b')).not.toContain('|');
    expect(forMarkdown('<img src=x>')).not.toContain('<');
    expect(forMarkdown('@octocat `x` [l](u)')).not.toMatch(/[@`[\]()]/);
    expect(forMarkdown('https://evil.example')).not.toContain('https://');
    expect(forMarkdown('<&#>')).toBe('&#60;&#38;&#35;&#62;');
  });
});

describe('the redactor', () => {
  test('hides a secret in plain, URL-encoded and base64 form', () => {
    const secret = 's3cr3t+/key=';
    const redact = createRedactor([secret]);
    const text = `${secret} ${encodeURIComponent(secret)} ${Buffer.from(secret).toString('base64')}`;
    expect(redact(text)).not.toContain('s3cr3t');
    expect(redact(text)).not.toContain(Buffer.from(secret).toString('base64').slice(0, 12));
  });

  test('hides the longer of two nested secrets whole', () => {
    expect(createRedactor(['abcd', 'abcdefgh'])('x abcdefgh y')).toBe('x *** y');
  });

  test('leaves words alone that are too short to be secrets', () => {
    expect(createRedactor(['', 'ab'])('abc')).toBe('abc');
  });
});
