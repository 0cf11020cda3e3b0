/** Passwords as hashes, and the texts that hide them. */
import { expect } from 'chai';
import { redactPasswords } from '../../../../query/index.ts';
import { Passwords } from '../../../../server/access/index.ts';

describe('passwords', () => {
  it('fit their hash and no other, remembered or not', async () => {
    const passwords = new Passwords();
    const [a, b] = await Promise.all([passwords.hash('secret'), passwords.hash('secret')]);
    expect(a).to.match(/^scrypt\$14\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(a).to.not.equal(b);
    for (let round = 0; round < 2; round++) {
      expect(await passwords.fits('ann', 'secret', a)).to.equal(true);
      expect(await passwords.fits('ann', 'Secret', a)).to.equal(false);
      expect(await passwords.fits('ann', '', a)).to.equal(false);
      expect(await passwords.fits('nobody', 'secret', null)).to.equal(false);
    }
    const changed = await passwords.hash('other');
    expect(await passwords.fits('ann', 'secret', changed)).to.equal(false);
    expect(await passwords.fits('ann', 'other', changed)).to.equal(true);
  });

  it('are not checked without end', async () => {
    const passwords = new Passwords();
    const all = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => passwords.hash(String(i))));
    expect(all.filter(({ status }) => status === 'rejected').length).to.equal(8);
  });

  it('are hidden in texts that are shown', () => {
    const hidden: readonly (readonly [string, string])[] = [
      [
        `CREATE USER a WITH PASSWORD 'x y' WITH ALL PRIVILEGES`,
        `CREATE USER a WITH PASSWORD [REDACTED] WITH ALL PRIVILEGES`,
      ],
      [`create user a with  password 'it\\'s'; SELECT 1`, `create user a with  password [REDACTED]; SELECT 1`],
      [`SET PASSWORD FOR "a=b" = 'x'`, `SET PASSWORD FOR "a=b" = [REDACTED]`],
      [`SET PASSWORD FOR bob='x'; SHOW USERS`, `SET PASSWORD FOR bob=[REDACTED]; SHOW USERS`],
      [`CREATE USER a WITH PASSWORD 'never closed`, `CREATE USER a WITH PASSWORD [REDACTED]`],
      ['SELECT password FROM m', 'SELECT password FROM m'],
    ];
    for (const [text, shown] of hidden) expect(redactPasswords(text)).to.equal(shown);
  });
});
