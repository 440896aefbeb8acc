// What scrolls sideways can be scrolled with the keyboard, too.
function reach() {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .equation")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}
addEventListener("load", reach);
addEventListener("resize", reach);
addEventListener("toggle", reach, true); // a solution was opened
