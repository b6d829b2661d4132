// Who used which model for how much?

import { api, fill, h } from "./dom.js";
import { table } from "./own.js";
import { currentLanguage, learn, number, t } from "./words.js";

learn(
  {
    usage: "Usage", usage_lead: "Questions posées par personne et par modèle ; jamais leur texte. Les recherches, et les réponses faites de phrases pendant la frappe, ne sont pas comptées.",
    usage_days: { one: "aujourd’hui", other: "{n} derniers jours" }, usage_none: "Aucune question sur cette période.", usage_who: "Personne", usage_quoted: "Phrases des documents",
    usage_questions: "Questions", usage_answered: "Répondues", usage_refused: "Sans réponse", usage_failed: "Échecs", usage_tokens: "Jetons lus, écrits", usage_cost: "Coût", usage_total: "Total",
    usage_ratings: "Réponses gardées : {kept} ; jugées bonnes : {good}, mauvaises : {bad}.", usage_period: "Période",
  },
  {
    usage: "Usage", usage_lead: "Questions asked, by person and by model; never their text. Searches, and answers quoted while somebody types, are not counted.",
    usage_days: { one: "today", other: "last {n} days" }, usage_none: "No question in this period.", usage_who: "Person", usage_quoted: "Sentences of the documents",
    usage_questions: "Questions", usage_answered: "Answered", usage_refused: "Not answered", usage_failed: "Failures", usage_tokens: "Tokens read, written", usage_cost: "Cost", usage_total: "Total",
    usage_ratings: "Answers kept: {kept}; called good: {good}, bad: {bad}.", usage_period: "Period",
  },
);

const PERIODS = [1, 7, 30, 365];

/** The counts of a period, with a choice of periods. */
export async function drawUsage(place, days = 30) {
  const usage = await api("usage?" + new URLSearchParams({ days }));
  const money = new Intl.NumberFormat(currentLanguage(), { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const cost = (value) => value === null ? "" : `${money.format(value)} ${usage.currency}`.trim();
  const cells = (one) => [number(one.questions), number(one.answered), number(one.refused), number(one.failed), `${number(one.prompt_tokens)}, ${number(one.completion_tokens)}`, cost(one.cost)];
  const row = (one) => [h("strong", {}, one.who), one.model ?? t("usage_quoted"), ...cells(one)];
  const sum = usage.used.reduce((all, one) => {
    for (const name of ["questions", "answered", "refused", "failed", "prompt_tokens", "completion_tokens"]) all[name] += one[name];
    if (one.cost !== null) all.cost = (all.cost ?? 0) + one.cost;
    return all;
  }, { questions: 0, answered: 0, refused: 0, failed: 0, prompt_tokens: 0, completion_tokens: 0, cost: null });
  const total = [h("strong", {}, t("usage_total")), "", ...cells(sum)];
  const select = h("select", { id: "period", on: { change: () => drawUsage(place, Number(select.value)) } },
    PERIODS.map((n) => { const one = h("option", { value: n }, t("usage_days", { n })); one.selected = n === days; return one; }));
  fill(place,
    h("h2", {}, t("usage")),
    h("p", { class: "lead" }, t("usage_lead")),
    h("div", { class: "field" }, h("label", { for: "period" }, t("usage_period")), select),
    usage.used.length
      ? table(t("usage"), [t("usage_who"), t("model"), t("usage_questions"), t("usage_answered"), t("usage_refused"), t("usage_failed"), t("usage_tokens"), t("usage_cost")], [...usage.used.map(row), total])
      : h("p", {}, t("usage_none")),
    h("p", { class: "quiet" }, t("usage_ratings", { kept: usage.kept, good: usage.good, bad: usage.bad })));
}
