# 救助通. `make run` starts everything on this machine; `make test` runs everything. Both do their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.PHONY: help setup run test check lint fmt nlu nlu-evaluate bench services clean

export RASA_TELEMETRY_ENABLED := false
# The app's and the NLU's environments are never mixed, whatever virtual environment the caller has active.
unexport VIRTUAL_ENV
UV := .ci/uv
HOST ?= 127.0.0.1
PORT ?= 8080
PYTEST_ARGS ?=

help: ## 列出可用的命令
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: ## 建立应用环境(得到 .venv/bin/jzt)
	@echo "[安装] 应用环境 .venv …" >&2
	$(UV) sync --frozen

nlu: setup ## 建立理解环境;数据有变化时训练模型
	@echo "[安装] 理解环境 nlu/.venv(首次要下载较大的包,请等几分钟)…" >&2
	$(UV) sync --frozen --project nlu --python 3.11
	echo "[训练] 理解模型(数据没变就跳过)…" >&2
	.venv/bin/python -m nlu.train

run: nlu ## 启动:居民页、工作人员页、参考后台
	@exec .venv/bin/jzt serve --host $(HOST) --port $(PORT)

services: ## 测试要用的 Redis、PostgreSQL、Chromium、中文字体(有权限时用 apt 安装)
	@.ci/services

check: setup ## 静态检查:ruff、mypy --strict、import-linter、政策包
	@echo "[检查] ruff、mypy、import-linter、政策包 …" >&2
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/jzt kb check --quiet

test: services nlu check ## 运行全部测试
	@echo "[测试] pytest:政策(两个进程一起跑)…" >&2
	failed=0
	.venv/bin/pytest -n 2 --dist loadfile tests/policies_kb $(PYTEST_ARGS) || failed=1
	echo "[测试] pytest:其余(用到浏览器、服务和掐断进程的,一个一个跑)…" >&2
	.venv/bin/pytest --ignore tests/policies_kb $(PYTEST_ARGS) || failed=1
	exit $$failed

nlu-evaluate: nlu ## 交叉验证与留出集:比较 DIET 与逻辑回归
	.venv/bin/python -m nlu.evaluate

bench: nlu ## 测速(与普通 Rasa 机器人同场比较)
	.venv/bin/jzt bench

fmt: setup ## 排版
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean: ## 删除环境与模型(不动 var/ 里的数据)
	rm -rf .venv nlu/.venv nlu/models .setup .mypy_cache .ruff_cache .pytest_cache .hypothesis
