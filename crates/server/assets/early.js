// Sets language and theme before anything is drawn, so that nothing flashes.
(() => {
  const kept = (name) => { try { return localStorage.getItem("intramuros." + name); } catch { return null; } };
  const theme = kept("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  const wished = [kept("language"), ...(navigator.languages || [navigator.language])].filter(Boolean);
  const found = wished.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag === "fr" || tag === "en");
  document.documentElement.lang = found || "en";
})();
