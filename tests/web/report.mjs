// Opens an assessment report in a browser: node report.mjs REPORT.html BROWSER [FOLDER for screenshots, or "narrow": one view].
// Narrow and wide, light and dark, everything unfolded: no violation that axe knows, nothing beyond the window's width, no
// error in the console, no request but for the file itself. Prints what it found; exit code 1 if that is not nothing.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [report, executablePath, shots] = process.argv.slice(2);
const address = pathToFileURL(report).href;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const findings = [];

const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
const narrow = shots === 'narrow';
for (const width of narrow ? [360] : [360, 1280]) {
  for (const colorScheme of narrow ? ['light'] : ['light', 'dark']) {
    const name = `${width} px, ${colorScheme}`;
    const found = (what) => findings.push(`${name}: ${what}`);
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce', bypassCSP: true });
    const page = await context.newPage();
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && found(`console: ${message.text()}`));
    page.on('pageerror', (error) => found(`error: ${error.message}`));
    page.on('request', (request) => request.url() !== address && found(`request: ${request.url()}`));
    await page.goto(address);
    await page.evaluate(() => document.querySelectorAll('details').forEach((part) => { part.open = true; }));
    const sections = await page.locator('h2').allTextContents();
    if (sections.length < 4) found(`only ${sections.length} sections: ${sections}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) found(`${wide} px wider than the window`);
    // Each section can be reached from the keyboard and by its link.
    const dead = await page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')]
      .filter((link) => document.getElementById(link.getAttribute('href').slice(1)) === null).map((link) => link.getAttribute('href')));
    if (dead.length > 0) found(`links to nowhere: ${dead}`);
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations', 'passes'] }));
    if (passes.length < 10) found(`axe looked at no more than ${passes.length} rules`);
    for (const rule of violations) {
      found(`axe ${rule.id}: ${rule.help}: ${rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
    }
    if (shots && !narrow) await page.screenshot({ path: `${shots}/report-${width}-${colorScheme}.png`, fullPage: true });
    await context.close();
  }
}
await browser.close();
for (const finding of findings) console.log(finding);
console.log(findings.length === 0 ? 'report: nothing found' : `report: ${findings.length} findings`);
process.exit(findings.length === 0 ? 0 : 1);
