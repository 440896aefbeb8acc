// The page: it fills in the texts, opens the pad, and fetches one panel's networks after the other.

import { DRAWINGS } from "./drawings.js";
import { Pad, seen } from "./drawing.js";
import { classifierPanel, codePanel, flowPanel, noisePanel } from "./panels.js";
import { planePanel } from "./plane.js";
import { fetchIndex, fetchNetwork } from "./networks.js";
import { paint } from "./pictures.js";

// In the order in which they arrive: what answers first is small.
const PANELS = {
  classifier: [classifierPanel, "classifier"],
  code: [codePanel, "encoder", "decoder"],
  plane: [planePanel, "plane-encoder", "plane-decoder"],
  flow: [flowPanel, "velocity", "painter", "classifier"],
  noise: [noisePanel, "denoiser"],
};

const at = (id) => document.getElementById(id);
const open = []; // functions that show a new image
let image;

function fillTexts() {
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = TEXT[node.dataset.text];
  }
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", TEXT[node.dataset.label]);
  }
  for (const node of document.querySelectorAll(".state")) node.textContent = TEXT.loading;
}

function openPad() {
  let waiting = false;
  const answer = () => {
    waiting = false;
    image = seen(pad.strokes, at("centre").checked);
    at("origin").textContent = pad.drawn ? TEXT.yours : TEXT.stored;
    paint(at("seen"), image);
    for (const show of open) show(image);
  };
  const changed = (drawing) => {
    at("said").setAttribute("aria-busy", drawing); // read out when the pen is up
    if (!waiting) requestAnimationFrame(answer);
    waiting = true;
  };
  const pad = new Pad(at("pad"), DRAWINGS[2], changed);
  at("undo").onclick = () => pad.replace(pad.drawn ? pad.strokes.slice(0, -1) : []);
  at("clear").onclick = () => pad.replace([]);
  at("centre").onchange = () => changed(false);
  for (const digit of Object.keys(DRAWINGS)) {
    const button = document.createElement("button");
    button.textContent = digit;
    button.setAttribute("aria-label", TEXT.storedButton(Number(digit)));
    button.onclick = () => pad.replace(DRAWINGS[digit], false);
    at("stored").append(button);
  }
  answer();
}

async function openPanels() {
  const index = await fetchIndex();
  const fetched = {};
  for (const [id, [panel, ...names]] of Object.entries(PANELS)) {
    const [state, content] = ["state", "content"].map((name) => at(id).querySelector(`.${name}`));
    try {
      for (const name of names) fetched[name] ??= await fetchNetwork(name, index);
      const show = await panel(fetched, index);
      content.hidden = false;
      show(image);
      open.push(show);
      state.hidden = true;
    } catch (error) {
      content.hidden = true;
      state.textContent = error.message;
      state.classList.add("trouble");
    }
  }
}

fillTexts();
openPad();
openPanels().catch((error) => {
  for (const node of document.querySelectorAll(".state")) node.hidden = true;
  sayTrouble(error.message);
});
