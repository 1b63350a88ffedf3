// Words for times and sizes. The office's clock counts, whatever the phone's time zone is.

// The sides of a matter, as staff read them.
export const ASPECTS = {
  who: "谁能享受", how_much: "多少钱", documents: "带什么", where: "去哪办", how_long: "要多久", steps: "怎么办", decision: "谁来定", notice: "公示告知",
  objection: "不服怎么办", payment: "怎么发钱", check: "核查", exit: "停发退出", duty: "要守的规矩", care: "照料", complaint: "投诉", service: "有什么服务",
};

const ZONE = "Asia/Shanghai";
const parts = new Intl.DateTimeFormat("zh-CN", {
  timeZone: ZONE, year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "2-digit", hourCycle: "h23",
});

function split(iso) {
  const found = {};
  for (const part of parts.formatToParts(new Date(iso))) found[part.type] = part.value;
  return found;
}

export function day(iso) {
  const { year, month, day: date } = split(iso);
  return `${year}年${Number(month)}月${Number(date)}日`;
}

export function clock(iso) {
  const { hour, minute } = split(iso);
  const number = Number(hour) % 24;
  const half = number < 6 ? "凌晨" : number < 12 ? "上午" : number < 13 ? "中午" : number < 18 ? "下午" : "晚上";
  return `${half}${number > 12 ? number - 12 : number}:${minute.padStart(2, "0")}`;
}

export function waited(iso, now = Date.now()) {
  const minutes = Math.max(0, Math.floor((now - new Date(iso).getTime()) / 60000));
  if (minutes < 1) return "刚刚";
  if (minutes < 60) return `已等 ${minutes} 分钟`;
  if (minutes < 60 * 24) return `已等 ${Math.floor(minutes / 60)} 小时 ${minutes % 60} 分钟`;
  return `已等 ${Math.floor(minutes / 60 / 24)} 天`;
}

export function size(bytes) {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
