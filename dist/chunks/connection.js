"use strict";

function createConnection(open) {
 const lines = new Set;
 let current = null;
 const tidy = line => {
  if (!line.isLeftBehind || line.users > 0 || !lines.delete(line)) return;
  line.opening.destroy();
 };
 const leaveBehind = line => {
  line.isLeftBehind = true;
  if (current === line) current = null;
  tidy(line);
 };
 const start = () => {
  const line = {
   opening: open(() => leaveBehind(line)),
   users: 0,
   isLeftBehind: false
  };
  lines.add(line);
  current = line;
  line.opening.ready.catch(() => leaveBehind(line));
  return line;
 };
 return {
  async use(signal, action) {
   const line = current ?? start();
   line.users += 1;
   let isUsing = true;
   const leave = () => {
    if (!isUsing) return;
    isUsing = false;
    signal.removeEventListener("abort", giveUp);
    line.users -= 1;
    tidy(line);
   };
   const giveUp = () => {
    leave();
    leaveBehind(line);
   };
   signal.addEventListener("abort", giveUp, {
    once: true
   });
   try {
    return await action(await line.opening.ready);
   } finally {
    leave();
   }
  },
  renew() {
   if (current) leaveBehind(current);
  },
  close() {
   current = null;
   for (const {opening: opening} of lines) opening.destroy();
   lines.clear();
  }
 };
}

exports.createConnection = createConnection;
