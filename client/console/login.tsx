/** The form that asks who one is, where the server does. */
import { useState } from 'preact/hooks';
import { refusal, signIn } from './access.ts';

export function Login() {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    void signIn(`${name}:${password}`);
  };
  return (
    <form class="login" onSubmit={submit}>
      <h1>Sign in</h1>
      <label>
        Name
        <input
          name="name"
          autocomplete="username"
          required
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autocomplete="current-password"
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button-primary">
        Sign in
      </button>
      {refusal.value !== '' && (
        <p class="login-refusal" role="alert">
          {refusal.value}
        </p>
      )}
    </form>
  );
}
