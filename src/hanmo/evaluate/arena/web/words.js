// The words of both pages in English and Chinese, chosen by the browser's language, or by the voter.

const WORDS = {
  en: {
    arena: "Arena", board: "Leaderboard", vote: "Vote", other: "中文", space: "Space",
    ask: "Which picture does better what was asked for?",
    left: "A is better", right: "B is better", tie: "Tie", bad: "Both bad", undo: "Undo", next: "Next pair",
    cast: (n) => (n === 1 ? "1 vote" : `${n} votes`),
    picture: (letter) => `Picture ${letter}`,
    rating: (n) => `rating ${n}`, fresh: "too few games for a rating", no_games: "no games yet",
    zoomed: (letter) => `${letter} · touch the picture to see the other`, close: "Close",
    withdrawn: "Withdrawn. You have seen the names, so this pair is not asked again.",
    nothing_to_undo: "There is no vote to withdraw.",
    done: "That was all. Thank you!", done_text: "You have judged every pair of pictures that there is.",
    painting: "More is being painted", painting_text: "You have judged all that is ready. New pairs come here by themselves.",
    see_board: "See the leaderboard",
    slow: "That was too fast. Please wait a moment.", lost: "The arena does not answer. Trying again…",
    broken: "A picture is missing. Here is another pair.",
    rank: "Rank", model: "Model", interval: "Rating and 95 % interval", games: "Games", win_rate: "Win rate",
    all: "All", none_yet: "No votes yet.",
    lead: (votes, models) => `${votes} blind ${votes === 1 ? "vote" : "votes"} on ${models} models.`,
    ranks: (a, b) => (a === b ? "" : `${a}–${b}`), ranks_title: "ranks that the interval allows",
    votes: "Votes", bad_share: "Votes that found both bad", side: "Advantage of the left side",
    points: (v, m) => `${v} ± ${m} points`, side_none: "cannot be told from none", side_some: "counted in the ratings",
    dropped: (names) => `Takes no more part, after errors: ${names}`,
    how: "How it is counted",
    how_rating: "Ratings are Bradley-Terry strengths on the scale of Elo: 1000 is the mean of the models, 400 points more are ten times better odds. A tie, and “both bad”, is half a win for each. Elo beside it is the usual one, vote by vote, and depends on their order.",
    how_rank: "The bar is the 95 % interval of the rating against the mean. Where bars overlap, the order may be chance: the small figures are the ranks that are possible.",
    how_side: "A coin decides who stands on the left, and what the left side is worth is estimated along with the ratings.",
    your_name: "Your name, if you like to leave one (it is not shown here)", keep: "Keep", kept: "Kept.", files: "Files:",
  },
  zh: {
    arena: "擂台", board: "排行榜", vote: "投票", other: "English", space: "空格",
    ask: "哪一张更符合要求？",
    left: "A 更好", right: "B 更好", tie: "不分高下", bad: "都不好", undo: "撤回", next: "下一组",
    cast: (n) => `已投 ${n} 票`,
    picture: (letter) => `图 ${letter}`,
    rating: (n) => `评分 ${n}`, fresh: "场次太少，暂无评分", no_games: "还没有对局",
    zoomed: (letter) => `${letter} · 点击图片看另一张`, close: "关闭",
    withdrawn: "已撤回。名字已经揭晓，这一组不会再问。",
    nothing_to_undo: "没有可以撤回的投票。",
    done: "全部看完了，谢谢！", done_text: "现有的每一组图片您都已评过。",
    painting: "正在绘制更多图片", painting_text: "已完成的图片您都评过了，新的一组会自动出现。",
    see_board: "查看排行榜",
    slow: "太快了，请稍等片刻。", lost: "擂台没有回应，正在重试……",
    broken: "有一张图片缺失，换一组。",
    rank: "名次", model: "模型", interval: "评分与 95% 区间", games: "场次", win_rate: "胜率",
    all: "全部", none_yet: "还没有投票。",
    lead: (votes, models) => `${models} 个模型，${votes} 张盲评票。`,
    ranks: (a, b) => (a === b ? "" : `${a}–${b}`), ranks_title: "区间允许的名次",
    votes: "票数", bad_share: "评为“都不好”的票", side: "左侧优势",
    points: (v, m) => `${v} ± ${m} 分`, side_none: "与零无显著差别", side_some: "已在评分中扣除",
    dropped: (names) => `因出错退出：${names}`,
    how: "如何计分",
    how_rating: "评分为 Bradley-Terry 强度，用 Elo 的刻度：1000 为各模型的平均，每高 400 分，胜算为十倍。平局和“都不好”各算半胜。旁边的 Elo 为通常的逐票算法，与投票的先后有关。",
    how_rank: "横条是评分（相对平均）的 95% 区间。横条重叠时，先后可能只是偶然：小字为可能的名次范围。",
    how_side: "左右由抛硬币决定；左侧的优势与评分一同估计。",
    your_name: "愿意的话，请留下名字（此处不会显示）", keep: "保存", kept: "已保存。", files: "文件：",
  },
};

function preferred() {
  const kept = localStorage.getItem("language");
  if (kept in WORDS) return kept;
  return (navigator.languages ?? [navigator.language]).some((l) => l.toLowerCase().startsWith("zh")) &&
    !navigator.language.toLowerCase().startsWith("en") ? "zh" : "en";
}

let language = preferred();

export function say(key, ...values) {
  const word = WORDS[language][key];
  return typeof word === "function" ? word(...values) : word;
}

// Fill the page; `again` is called after each change of the language.
export function speak(title, again) {
  const button = document.getElementById("language");
  const fill = () => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = say(title);
    for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
    button.textContent = say("other");
    button.lang = language === "zh" ? "en" : "zh-CN";
    again();
  };
  button.addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    localStorage.setItem("language", language);
    fill();
  });
  fill();
}

export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  return { status: answer.status, ...(await answer.json()) };
}
