/**
 * Colours of traces. Two kinds: a fixed set of hues that stay apart for readers with colour blindness (few different things), and a
 * scale from teal over blue to violet (many of one kind: cores), so that neighbours look alike and the order can be seen.
 */
import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';
/** What the reader chose; `auto` follows the system. */
export type ThemeChoice = Theme | 'auto';

const STORE_KEY = 'millrace.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

const HUES: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#0e7490', '#c2570c', '#6d4fc4', '#15803d', '#be2f6b', '#8a6d00', '#2563c9', '#6b7280'],
  dark: ['#35c2dd', '#f6995a', '#a78ff5', '#5fce86', '#f27aa8', '#dcbf4b', '#6ea5f8', '#9aa5b5'],
};
/** Hue angles of the scale's ends, and lightness and chroma by theme, in OKLCH: equal steps look equal. */
const SCALE_FROM = 175;
const SCALE_TO = 335;
const SCALE_TONE: Readonly<Record<Theme, string>> = { light: '0.58 0.13', dark: '0.76 0.12' };

export const themeChoice = signal<ThemeChoice>(storedChoice());
export const theme = signal<Theme>(resolveTheme(themeChoice.value));

system.addEventListener('change', () => {
  theme.value = resolveTheme(themeChoice.value);
});

export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  theme.value = resolveTheme(choice);
  applyTheme();
  try {
    localStorage.setItem(STORE_KEY, choice);
  } catch {
    // A browser that keeps nothing: the choice holds for this page.
  }
}

/** Called once before the first drawing. */
export function applyTheme(): void {
  const root = document.documentElement;
  if (themeChoice.value === 'auto') delete root.dataset.theme;
  else root.dataset.theme = themeChoice.value;
}

export function hueColor(index: number, of: Theme): string {
  const hues = HUES[of];
  return hues[index % hues.length];
}

export function scaleColor(index: number, count: number, of: Theme): string {
  const share = count <= 1 ? 0 : index / (count - 1);
  return `oklch(${SCALE_TONE[of]} ${Math.round(SCALE_FROM + (SCALE_TO - SCALE_FROM) * share)})`;
}

/** The same colour, see-through: for fills under lines. */
export function faded(color: string, percent: number): string {
  if (color.startsWith('oklch(')) return color.replace(')', ` / ${percent}%)`);
  return (
    color +
    Math.round((percent / 100) * 255)
      .toString(16)
      .padStart(2, '0')
  );
}

/** A colour of the style sheet, for what is drawn on a canvas. */
export function styleColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// private functions

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORE_KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'auto';
  } catch {
    return 'auto';
  }
}

function resolveTheme(choice: ThemeChoice): Theme {
  if (choice !== 'auto') return choice;
  return system.matches ? 'dark' : 'light';
}
