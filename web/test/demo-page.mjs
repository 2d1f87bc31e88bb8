/** The demo page as a person uses it. */

/** Opens the page and waits until it can be asked. */
export async function open(page, url) {
  await page.goto(url);
  await page.getByRole("button", { name: "Ask" }).and(page.locator(":enabled")).waitFor();
}

/** Types a question, sends it, and waits for the reply to it. */
export async function ask(page, question) {
  await page.getByLabel("Your question").fill(question);
  await page.getByRole("button", { name: "Ask" }).click();
  await replyTo(page, question);
}

/** Waits for the reply to a question. */
export async function replyTo(page, question) {
  await page.locator('#answer[aria-busy="false"] .asked').getByText(question, { exact: true }).waitFor();
}

/** What the page shows in reply. */
export async function answerOf(page) {
  const card = page.locator("#answer article");
  return {
    known: (await card.getAttribute("class")).includes(" known"),
    text: await card.locator(".text").textContent(),
  };
}
