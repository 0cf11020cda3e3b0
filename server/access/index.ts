/** Who may: passwords, tokens, and what a statement needs. */
export { AccessError, type AccessErrorCode } from './access-error.ts';
export { type Credentials, Gate, type GateOptions } from './gate.ts';
export { Passwords } from './passwords.ts';
export { assertAllowed } from './privileges.ts';
