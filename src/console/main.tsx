import { render } from 'preact';
import { App } from './app.js';
import { endLogin, loginProblem } from './login.js';
import { loadSettings } from './settings.js';
import './style.css';

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (!root) return;
  const { oidc } = await loadSettings();
  const problem = await endLogin(oidc).then(() => undefined, loginProblem);
  render(<App problem={problem} />, root);
}

void start();
