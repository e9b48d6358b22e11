"""Which commands only look, and that whatever is not understood changes something."""

import pytest

from drills.looking import looks

LOOK = r"""
ls -la /tmp
/usr/bin/ls
cat /etc/hosts > /dev/null 2>&1
ls >&2
grep -i error log 2>/dev/null || true
ps aux | grep redis | head
kubectl get pods -n prod
kubectl -n prod get pods|wc -l
kubectl --context=x -n prod logs -f pod
kubectl rollout status deploy/shop
kubectl exec pod -c cache -- redis-cli -p 6379 info replication
redis-cli -h x -p 6379 info replication
redis-cli INFO
redis-cli -a secret --no-auth-warning --scan
valkey-cli sentinel masters
sudo -u redis redis-cli ping
sudo ls
LANG=C kubectl get po
A=b
for i in 1 2 3; do redis-cli ping; sleep 1; done
while true; do date; sleep 1; done
if true; then ls; fi
(cd /tmp; ls)
{ ls; }
! test -f x
psql -h x -c "select 1"
psql -c 'select * from pg_stat_activity where query like ''%x%'';'
psql -d shop -c "\d orders"
mysql -u root -e "show processlist"
echo $(kubectl get pods)
echo "now: $(date) `uptime`"
watch -n1 "kubectl get pods | grep shop"
ssh -p 22 host uptime
ssh host 'uptime; df'
timeout 5 redis-cli ping
find . -name x
ls | xargs -n1 stat
sed -n 1,5p x
awk '{print $2}' x
curl -s http://x/health
curl -sI http://x
curl -s -o /dev/null -w '%{http_code}' http://x
journalctl -u redis -f
tail -f x.log &
echo 'a;rm x'
echo 'a > b'
ip a
ip -s link
iptables -L -n
docker logs -f x
drills say "we look at it"
"""

CHANGE = r"""
redis-cli
redis-cli flushall
redis-cli -h x set a b
redis-cli -h info set a b
kubectl delete pod x
kubectl -n get delete pod x
kubectl -n prod rollout restart deploy/x
kubectl get pods; kubectl delete pod x
kubectl exec x -- redis-cli flushall
kubectl exec -it x
kubectl exec -it x -- sh
ls && rm x
ls & rm x
ls | xargs rm
ls > file
ls >file
ls 2> file
ls > 1
ls >& file
echo hi >> file
echo hi &> file
cat <<EOF > x
cat <(rm x)
sudo systemctl restart redis
sudo -i
sudo
bash
bash -c ls
sh < x
python3
vim x
find . -delete
find . -exec rm {} ;
sed -i s/a/b/ x
sed -ni p x
sed -i.bak p x
sed 's/a/b/w file' x
awk 'BEGIN { system("rm x") }'
awk '{print > "x"}'
sort -o x x
sort -ox x
date -s now
curl -X POST http://x
curl -XPOST http://x
curl -sd a=b http://x
curl --data=a http://x
curl -o file http://x
psql
psql -f x.sql
psql -c "select 1; drop table x"
psql -c "select pg_terminate_backend(1)"
psql -c "select 1" -c "delete from x"
psql -c "with x as (delete from y returning 1) select * from x"
psql -c "explain analyze delete from x"
mysql -e "drop table x"
echo $(rm x)
echo "$(rm x)"
echo "$(echo $(rm x))"
echo `rm x`
echo "it's" $(rm x) 'b'
echo "a'" $(rm y) "'b"
"r"m x
X='a' ; "r"m x
eval ls
. ./x
source x
alias ls=rm
exec rm x
x() { rm y; }
watch "rm x"
ssh host
ssh host rm x
ssh host 'ls; rm x'
echo 'a' "b" | sh
docker exec x ls
'unterminated
/tmp/ls
./ls
case x in x) rm y;; esac
ip addr add 10.0.0.1/8 dev x
ip a a 10.0.0.1/8 dev x
iptables -A INPUT -j DROP
unheard-of
env
$CMD
tee /dev/null x
uniq x y
xxd -r x y
date 11211200
wget -O - --post-data=x http://x
wget -qO- --method=DELETE http://x
curl --req POST http://x
curl -Q 'DELE x' ftp://x
sysctl -n vm.swappiness=1
sed '1e rm x' y
sed '1,3wx' y
amtool alert add x
git log --output=x
git -c core.pager='rm x' log
PAGER='rm x' man ls
LD_PRELOAD=./x.so ls
less '+!rm x' y
man -P 'rm x' ls
ssh -o ProxyCommand='rm x' host ls
strace -o x ls
\rm x
"""


@pytest.mark.parametrize("command", [one for one in LOOK.splitlines() if one])
def test_looking_is_told(command: str) -> None:
    assert looks(command)


@pytest.mark.parametrize("command", [one for one in CHANGE.splitlines() if one])
def test_changing_is_told(command: str) -> None:
    assert not looks(command)


@pytest.mark.parametrize(
    "command", ["ls\nrm x", "ls \\\n; rm x", "ls $(\nrm x\n)", "ls" + " x" * 4000, "ls \0", "echo " + "$(" * 30]
)
def test_what_is_not_understood_changes_something(command: str) -> None:
    assert not looks(command)


@pytest.mark.parametrize("command", ["", "   ", "ls\nps", "ls \\\n -l", "ls # and a remark"])
def test_several_lines_or_none_may_look(command: str) -> None:
    assert looks(command)


def test_wrappers_of_wrappers_end_somewhere() -> None:
    assert looks("sudo env nice ls")
    assert not looks("sudo " * 10 + "ls")


def test_an_inventory_adds_its_own() -> None:
    assert looks("sudo mytool status -x | head", ["mytool status"])
    assert not looks("mytool restart", ["mytool status"])
    assert not looks("mytool statusx", ["mytool status"])
    assert not looks("mytool status; rm x", ["mytool status", ""])
