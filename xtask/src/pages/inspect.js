// Measures the page: its size, the widest element, and every text whose contrast with what lies behind it is less than
// WCAG asks for (4.5 to 1; 3 to 1 for large text).
(() => {
  const colour = (text) => {
    const parts = text.match(/[\d.]+/g);
    if (!parts || text === "none") return [0, 0, 0, 0];
    const [r, g, b, a] = parts.map(Number);
    return [r, g, b, a ?? 1];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(colour(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const opacity = (element) => {
    let all = 1;
    for (let at = element; at; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
    return all;
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(" ").trim();
    if (!text || element.closest("title, script, style")) continue;
    const style = getComputedStyle(element);
    const [r, g, b, a] = colour(element instanceof SVGElement ? style.fill : style.color);
    const back = behind(element);
    const front = over([r, g, b, a * opacity(element)], back);
    const [dark, light] = [luminance(front), luminance(back)].sort((x, y) => x - y);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.add(`"${text.slice(0, 30)}" has a contrast of ${ratio.toFixed(2)}`);
  }
  const root = document.scrollingElement;
  let widest = ["", 0];
  for (const element of document.body.querySelectorAll("*")) {
    const right = element.getBoundingClientRect().right;
    if (right > widest[1] && !element.closest(".scroll *, pre *")) widest = [`${element.tagName} ${element.className}`, right];
  }
  return {
    width: root.scrollWidth, height: root.scrollHeight, widest: widest.join(" to "), faint: [...faint].slice(0, 12),
  };
})()
