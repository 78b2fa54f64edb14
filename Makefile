# One entry for all scripts: `make help`, `make test ARGUMENTS=--quick`. Each script also has --help.
scripts := $(notdir $(shell find scripts -maxdepth 1 -type f -perm -u=x | sort))

.PHONY: help $(scripts)

help:
	@for script in $(scripts); do sed -n '2s/^# scripts\///p' scripts/$$script; done

$(scripts):
	@scripts/$@ $(ARGUMENTS)
