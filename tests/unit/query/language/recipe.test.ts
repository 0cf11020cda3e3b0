/** The compiled grammar in the tree is that of the text. GOLDEN=update writes it anew after the text was changed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import * as ohm from 'ohm-js';
import { GRAMMAR } from '../../../../query/language/grammar.ts';

const PATH = join(import.meta.dirname, '../../../../query/language/grammar-recipe.json');

describe('compiled grammar', () => {
  it('is that of the text', () => {
    const compiled = `${(ohm.grammar(GRAMMAR) as unknown as { toRecipe(): string }).toRecipe()}\n`;
    if (process.env['GOLDEN'] === 'update') writeFileSync(PATH, compiled);
    expect(readFileSync(PATH, 'utf8') === compiled, 'run this test with GOLDEN=update').to.equal(true);
  });
});
