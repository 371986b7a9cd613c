import { render } from 'preact';
import { App, Banner } from './app.js';
import { endLogin, loginProblem } from './login.js';
import { failedLogin } from './session.js';
import { loadSettings } from './settings.js';
import './style.css';

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (!root) return;
  const { oidc } = await loadSettings(() => {
    render(<Banner isDown={true} />, root);
  });
  try {
    await endLogin(oidc);
  } catch (thrown) {
    failedLogin.value = loginProblem(thrown);
  }
  render(<App />, root);
}

void start();
