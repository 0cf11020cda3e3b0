/** A text of the language with other literals, as a program would send it next. */
import type { Random } from './random.ts';

/** Other digits, and other letters between single quotes; now and then something longer, or of another kind. */
export function otherLiterals(text: string, random: Random): string {
  const digit = (): string => String(Math.floor(random.next() * 10));
  return text
    .replace(/(?<![\w"])\d+/g, (digits) => {
      if (random.next() < 0.05) return digits + digit() + '.5';
      if (random.next() < 0.1) return digits + '0'.repeat(Math.floor(random.next() * 6));
      return [...digits].map(digit).join('');
    })
    .replace(/'([^'\\\n]*)'/g, (quoted, content: string) => {
      if (random.next() < 0.3) return quoted;
      if (random.next() < 0.05) return `'2021-0${digit()}-01'`;
      return `'${[...content].map((letter) => (/[a-z]/.test(letter) ? 'xyz'[Math.floor(random.next() * 3)] : letter)).join('')}'`;
    });
}
