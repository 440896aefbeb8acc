// What scrolls sideways can be scrolled with the keyboard, too.
addEventListener("load", () => {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .equation")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});
