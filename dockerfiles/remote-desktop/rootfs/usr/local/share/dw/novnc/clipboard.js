/** The desktop's clipboard and the browser's become one, where the browser lets a page see its own; noVNC has a panel for the rest. */
import UI from './app/ui.js';

// What both have: it is not sent back to where it came from.
let shared = '';

const receive = UI.clipboardReceive;
UI.clipboardReceive = (event) => {
  receive(event);
  shared = event.detail.text;
  navigator.clipboard?.writeText(shared).catch(() => undefined);
};

async function send() {
  try {
    // Fails in browsers that would ask at every single reading.
    await navigator.permissions.query({ name: 'clipboard-read' });
    const text = await navigator.clipboard.readText();
    if (text === '' || text === shared || !UI.connected) return;
    UI.rfb.clipboardPasteFrom(text);
    shared = text;
  } catch {
    // Not allowed, or nothing that is text.
  }
}

// Whoever has copied something elsewhere comes back by one of these.
addEventListener('focus', send);
document.getElementById('noVNC_container').addEventListener('pointerdown', send);
