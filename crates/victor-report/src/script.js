"use strict";
// Shows below a plot what the part of it says that was clicked or tapped: a phone has no pointer that hovers.
document.addEventListener("click", (event) => {
  const part = event.target.closest("rect, g, .bar i");
  const tip = part?.closest("figure")?.querySelector(".tip");
  if (tip) {
    tip.textContent = part.querySelector("title")?.textContent ?? part.title ?? "";
  }
});
