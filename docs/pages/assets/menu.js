// Escape closes the menu of a phone, as it closes the search: the theme leaves it open.
document.addEventListener("keydown", (event) => {
  const menu = document.getElementById("__drawer");
  if (event.key !== "Escape" || !menu?.checked) return;
  menu.click();
  document.querySelector('label[for="__drawer"][role="button"]')?.focus();
});
