// The pad: it collects strokes and shows what Python makes of them.
const SIZE = 224;
const RADIUS = 0.04; // as in drawing.py
// Not to be seen, only to be heard.
const FOR_READERS =
  "position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden";

function element(tag, attributes, ...children) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

function render({ model, el }) {
  const canvas = element("canvas", { width: SIZE, height: SIZE });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Drawing pad: draw a digit with mouse, pen or finger");
  canvas.style = "background: black; touch-action: none; cursor: crosshair; border-radius: 4px";
  const clear = element("button", { textContent: "Clear" });
  const undo = element("button", { textContent: "Undo" });
  const centre = element("input", { type: "checkbox" });
  const note = element("div", {});
  const seen = element("img", { alt: "What the network sees, 28 by 28 pixels", width: 112, height: 112 });
  seen.style = "image-rendering: pixelated; border: 1px solid gray";
  const answer = element("img", {});
  answer.style = "max-width: 100%";
  const said = element("div", {});
  said.setAttribute("aria-live", "polite");
  const left = element("div", {}, canvas, element("div", {}, clear, undo),
    element("label", {}, centre, " centre, as MNIST does"), note);
  const row = element("div", {}, left, element("div", {}, "sees", element("br", {}), seen), answer, said);
  row.style = "display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start";
  el.append(row);

  const pen = canvas.getContext("2d");
  let stroke = null; // the one that is being drawn
  let finger; // or mouse, or pen, that draws it

  function paint() {
    pen.clearRect(0, 0, SIZE, SIZE);
    pen.strokeStyle = model.get("drawn") ? "white" : "gray";
    pen.lineWidth = 2 * RADIUS * SIZE;
    pen.lineCap = pen.lineJoin = "round";
    for (const points of [...model.get("strokes"), ...(stroke ? [stroke] : [])]) {
      pen.beginPath();
      points.forEach(([x, y]) => pen.lineTo(x * SIZE, y * SIZE));
      if (points.length === 1) pen.lineTo(points[0][0] * SIZE, points[0][1] * SIZE);
      pen.stroke();
    }
    note.textContent = model.get("drawn") ? "" : "A stored drawing. Yours replaces it.";
  }

  function update() {
    centre.checked = model.get("centre");
    seen.src = model.get("seen");
    answer.src = model.get("answer");
    answer.alt = said.textContent = model.get("said");
    answer.hidden = !model.get("answer");
    said.style = answer.hidden ? "color: var(--jp-error-color1, firebrick)" : FOR_READERS;
    paint();
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function send(strokes) {
    model.set("drawn", true);
    model.set("strokes", strokes);
    model.save_changes();
  }

  canvas.onpointerdown = (event) => {
    if (stroke) return; // a second finger
    finger = event.pointerId;
    canvas.setPointerCapture(event.pointerId);
    if (!model.get("drawn")) { model.set("drawn", true); model.set("strokes", []); }
    stroke = [place(event)];
    paint();
  };
  canvas.onpointermove = (event) => {
    if (stroke && event.pointerId === finger) { stroke.push(place(event)); paint(); }
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (!stroke || event.pointerId !== finger) return;
    send([...model.get("strokes"), stroke]);
    stroke = null;
  };
  clear.onclick = () => send([]);
  undo.onclick = () => send(model.get("drawn") ? model.get("strokes").slice(0, -1) : []);
  centre.onchange = () => { model.set("centre", centre.checked); model.save_changes(); };
  model.on("change", update);
  update();
}

export default { render };
