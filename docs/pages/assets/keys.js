// Escape closes the menu of a phone, as it closes the search: the theme leaves it open.
document.addEventListener("keydown", (event) => {
  const menu = document.getElementById("__drawer");
  if (event.key !== "Escape" || !menu?.checked) return;
  menu.click();
  document.querySelector('label[for="__drawer"][role="button"]')?.focus();
});

// The theme looks for what is in the field of its search when a key is let go: words that are pasted with a mouse, or
// dictated, would find nothing.
document.addEventListener("input", ({ target }) => {
  if (target.matches(".md-search__input")) target.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true }));
});
