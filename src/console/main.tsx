import { render } from 'preact';
import { App } from './app.js';
import { endLogin } from './login.js';
import { loadSettings } from './settings.js';
import './style.css';

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (!root) return;
  const { oidc } = await loadSettings();
  const problem = await endLogin(oidc).then(
    () => undefined,
    (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  );
  render(<App problem={problem} />, root);
}

void start();
