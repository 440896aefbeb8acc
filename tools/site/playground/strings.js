// All texts of the page. A classic script, so that it is there even where modules do not load.
const percent = (share) => `${Math.round(100 * share)} %`;
const digitWithArticle = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;

const TEXT = {
  title: "Playground",
  lead:
    "Draw a digit. The networks of the course answer while you draw. All of it runs in your " +
    "browser; nothing that you draw leaves it.",
  back: "The course",
  credits: "Networks: trained on MNIST (LeCun, Cortes, Burges) as in the lessons, 8 bits a weight.",

  fromFile:
    "This page was opened as a file, and browsers do not let a file read others. In the folder " +
    "of the course, run `python -m tools.site --serve` and open the address that it prints.",
  noScript: "A part of this page did not arrive. Load it again.",
  missing: (name) => `${name} did not arrive. Check the connection and load the page again.`,
  damaged: (name) =>
    `${name} arrived damaged: its sha256 is not the expected one. Empty the cache and load again.`,
  loading: "loading ...",

  drawTitle: "Draw",
  drawText:
    "With mouse, pen or finger. MNIST fits a digit into 20 x 20 pixels, with its centre of " +
    "mass in the middle (lesson 2).",
  pad: "Drawing pad. Draw a digit with mouse, pen or finger.",
  stored: "In grey: a stored drawing. Yours replaces it.",
  yours: "Your drawing.",
  undo: "Undo",
  clear: "Clear",
  storedButtons: "stored drawings:",
  storedButton: (digit) => `Stored drawing of ${digitWithArticle(digit)}`,
  centre: "centre as MNIST does",
  seen: "what the networks see",
  seenLabel: "Your drawing in 28 by 28 pixels",

  classifierTitle: "Which digit?",
  classifierText: "Ten probabilities of the classifier of lesson 2, 784-32-64-10.",
  reads: (digit, share) =>
    `The classifier reads ${digitWithArticle(digit)} with ${percent(share)}.`,
  share: (share) => `${(100 * share).toFixed(1)} %`,
  emptyPage: "The paper is empty.",
  filtersText:
    "The 32 filters of its first layer. The more one fires, the stronger its colours and the " +
    "longer its bar. Ink on red raises it, ink on blue lowers it.",
  filtersLabel: (most) => `32 filters as images. Those that fire most: ${most.join(", ")}.`,

  codeTitle: "32 numbers",
  codeText:
    "The dense autoencoder of lesson 3 writes 32 numbers and draws from them. " +
    "Move a number and see what it draws.",
  image: "drawing",
  code: "code",
  reconstruction: "reconstruction",
  difference: "difference",
  imageLabel: "The drawing",
  codeLabel: "The 32 numbers as an image of 4 by 8, red above zero, blue below",
  reconstructionLabel: "What the decoder draws from the numbers",
  differenceLabel: "Reconstruction minus drawing, red where there is too much ink",
  error: (value) => `Mean squared error per pixel: ${value.toFixed(4)}.`,
  slider: (i) => `Number ${i} of the code`,
  reset: "Back to the code of the drawing",

  planeTitle: "Two numbers",
  planeText:
    "2,000 test images in the plane of lesson 8, coloured by digit. Drag the cross and " +
    "watch the decoder draw. The ring is your digit.",
  planeLabel: "Plane of 2,000 test images; the two sliders below move the cross",
  planeFirst: "first number",
  planeSecond: "second number",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  toYours: "To my digit",
  zoomed: (times) => `${times} x`,
  planeDrawn: "drawn at the cross",
  planeDrawnLabel: "What the decoder draws at the cross",
  legend: "Digits:",

  noiseTitle: "Noise",
  noiseText:
    "Normal noise on your drawing, and the answer of the denoiser of lesson 7. It was " +
    "trained with a deviation of 0.5.",
  deviation: "deviation",
  newNoise: "New noise",
  noisy: "with noise",
  noisyLabel: "The drawing with noise",
  cleaned: "denoised",
  cleanedLabel: "The answer of the denoiser",

  flowTitle: "Make me a digit",
  flowText:
    "Ten steps from noise to a code, with guidance 1.25 (lesson 9 takes twenty). The decoder " +
    "shows each place on the way.",
  ask: (digit) => `Make me ${digitWithArticle(digit)}`,
  walking: (digit, step, steps) =>
    `Asked for ${digitWithArticle(digit)}: step ${step} of ${steps}.`,
  walked: (digit, read, share) =>
    `Asked for ${digitWithArticle(digit)}. The classifier of lesson 2 reads ` +
    `${digitWithArticle(read)} with ${percent(share)}.`,
  flowLabel: (step) => (step ? `After step ${step}` : "The start, from noise"),
};
