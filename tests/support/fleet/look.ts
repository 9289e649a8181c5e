/** What can be measured of how a page looks: contrast of every text against what is behind it, and what moved by itself. */
import type { Page } from "playwright-core";

/** WCAG 2.2, success criterion 1.4.3: level AA. Large is 24 px, or 18.66 px and bold. */
const CONTRAST = `(() => {
  const canvas = new OffscreenCanvas(1, 1);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const read = () => [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  const paint = (color) => { context.fillStyle = color; context.fillRect(0, 0, 1, 1); };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const found = [];
  for (const element of document.querySelectorAll("#page *, dialog *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    const style = getComputedStyle(element);
    if (text === "" || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(".unseen, .skip, option, :disabled, thead") && !element.closest("th")) continue;
    const chain = [];
    for (let each = element; each; each = each.parentElement) chain.unshift(each);
    paint("white");
    for (const each of chain) paint(getComputedStyle(each).backgroundColor);
    const behind = luminance(read());
    paint(style.color);
    const front = luminance(read());
    const ratio = (Math.max(front, behind) + 0.05) / (Math.min(front, behind) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(text.slice(0, 40) + ": " + ratio.toFixed(2));
  }
  return found;
})()`;

/** Texts whose contrast is too low for level AA, each with its ratio. */
export async function lowContrast(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(CONTRAST);
}

const WATCH_SHIFTS = `
  globalThis.shiftScore = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shiftScore += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
`;

/** From now on, also after the page is loaded anew. */
export async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(WATCH_SHIFTS);
}

/** The layout shift score since the page was loaded: 0 where nothing moved that nobody touched. */
export async function shiftScore(page: Page): Promise<number> {
  return Number(await page.evaluate("globalThis.shiftScore"));
}
