/** What the browser tests share: a real browser, the real server, the data. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

/** The root of the workspace. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Cargo's target directory. */
export const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");

/** The demo site, as `cargo xtask demo` assembles it. */
export const site = join(root, "www/public");

/** The `mome` command; `MOME` names it where it is not the one of the everyday build. */
export const mome = process.env.MOME ?? join(target, "debug/mome");

/** Chromium, with WebGPU on its software adapter where the machine has no GPU. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? findChromium(),
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

function findChromium() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
  if (found === undefined) {
    throw new Error(`none of ${names.join(", ")} is in the PATH: install one, or name its program in CHROMIUM`);
  }
  return found;
}

/** Serves a folder with `mome serve`; gives back its address and what stops it. */
export async function serve(folder) {
  const server = spawn(mome, ["serve", folder, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface(server.stdout);
  const url = await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`mome serve ended with ${code}`)));
    lines.on("line", (line) => {
      const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(line);
      if (address !== null) {
        resolve(address[0]);
      }
    });
  });
  return { url, stop: () => server.kill() };
}

/**
 * For a suite: a page, served from the root of the workspace, that tests import modules into. `evaluate` runs a function
 * there.
 */
export function blankPage() {
  let browser, server, page;

  before(async () => {
    server = await serve(root);
    browser = await launch();
    page = await browser.newPage();
    await page.goto(`${server.url}web/test/blank.html`);
  });

  after(async () => {
    await browser?.close();
    server?.stop();
  });

  return { evaluate: (...call) => page.evaluate(...call) };
}

/** Runs the `mome` command; gives back its exit code and the JSON object that it prints. */
export async function momeJson(...arguments_) {
  const command = spawn(mome, [...arguments_, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve, reject) => {
    command.once("error", reject);
    command.once("close", resolve);
  });
  const chunks = await command.stdout.toArray();
  const code = await exited;
  return { code, output: JSON.parse(Buffer.concat(chunks).toString()) };
}

/** The lines of a JSON Lines file, given by its path in the workspace. */
export async function jsonLines(path) {
  const text = await readFile(join(root, path), "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
