'use strict';

/** Contrast of all text that is seen, as WCAG 2.2 computes it (1.4.3). */

/**
 * Text with less contrast than level AA asks for. Runs in the page, and so refers to nothing here.
 * @returns {string[]} one line for each
 */
function lowContrast() {
  const read = (color) => {
    const numbers = color.match(/[\d.]+/g).map(Number);
    if (!color.startsWith('rgb')) throw new Error(`a color that is not understood: ${color}`);
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const over = (top, below) =>
    top.rgb.map((part, place) => part * top.alpha + below[place] * (1 - top.alpha));
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const own = read(getComputedStyle(node).backgroundColor);
    // A dialog lies on its backdrop, not on what it is written in.
    return own.alpha === 1 ? own.rgb : over(own, behind(node.parentElement));
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const problems = [];
  const judge = (node, style, text) => {
    const ground = behind(node);
    const [pixels, weight] = [parseFloat(style.fontSize), Number(style.fontWeight)];
    const large = pixels >= 24 || (pixels >= 18.66 && weight >= 700);
    const found = ratio(over(read(style.color), ground), ground);
    if (found < (large ? 3 : 4.5)) problems.push(`${found.toFixed(2)}: ${text.slice(0, 60)}`);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: node, textContent } = texts.currentNode;
    const seen = node.checkVisibility({ checkVisibilityCSS: true }) && textContent.trim() !== '';
    if (seen && !node.closest(':disabled, .unseen')) {
      judge(node, getComputedStyle(node), textContent.trim());
    }
  }
  for (const node of document.querySelectorAll('[placeholder]')) {
    judge(node, getComputedStyle(node, '::placeholder'), node.placeholder);
  }
  return problems;
}

/**
 * Controls whose border cannot be told from what is around it (1.4.11: 3), and those without a
 * name. Runs in the page.
 * @returns {string[]} one line for each
 */
function namelessControls() {
  const controls = document.querySelectorAll(
    'button, input, select, summary, [tabindex], progress',
  );
  return [...controls]
    .filter((node) => node.checkVisibility())
    .filter((node) => {
      const label = node.getAttribute('aria-label') ?? '';
      return `${label}${node.labels?.[0]?.textContent ?? ''}${node.textContent}`.trim() === '';
    })
    .map((node) => node.outerHTML.slice(0, 100));
}

module.exports = { lowContrast, namelessControls };
