{{/* The configuration of the service, as TOML. */}}

{{/* Every setting: what the chart adds, and over it what the operator says. */}}
{{- define "reassure.config" -}}
{{- $added := dict }}
{{- range $kind, $folder := .Values.folders }}
{{- if $folder }}{{ $_ := set $added $kind (dict "folder" (printf "/etc/reassure/%s" $kind)) }}{{ end }}
{{- end }}
{{- if eq .Values.config.store.kind "sqlite" }}
{{- $_ := set $added "store" (dict "path" "/var/lib/reassure/reassure.db") }}
{{- end }}
{{- include "reassure.toml" (dict "name" "" "table" (mergeOverwrite $added (deepCopy .Values.config))) | trim }}
{{- end }}

{{/* A table: first what stands in it, then the tables below. */}}
{{- define "reassure.toml" -}}
{{- $name := .name }}
{{- $settings := list }}
{{- range $key, $value := .table }}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{- $settings = append $settings (printf "%s = %s" (include "reassure.toml.key" $key) (include "reassure.toml.value" $value)) }}
{{- end }}
{{- end }}
{{- if and $name (or $settings (not .table)) }}
[{{ $name }}]
{{- end }}
{{- range $settings }}
{{ . }}
{{- end }}
{{- range $key, $value := .table }}
{{- if kindIs "map" $value }}
{{- $key := include "reassure.toml.key" $key }}
{{- include "reassure.toml" (dict "name" (ternary (printf "%s.%s" $name $key) $key (ne $name "")) "table" $value) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "reassure.toml.key" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . }}{{ . }}{{ else }}{{ toRawJson . }}{{ end }}
{{- end }}

{{/* JSON's texts are TOML's; its numbers are not: 20 arrives here as 2e+01. */}}
{{- define "reassure.toml.value" -}}
{{- if kindIs "map" . }}
{{- $parts := list }}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{- $parts = append $parts (printf "%s = %s" (include "reassure.toml.key" $key) (include "reassure.toml.value" $value)) }}
{{- end }}
{{- end }}
{{- printf "{ %s }" (join ", " $parts) }}
{{- else if kindIs "slice" . }}
{{- $parts := list }}
{{- range . }}{{ $parts = append $parts (include "reassure.toml.value" .) }}{{ end }}
{{- printf "[%s]" (join ", " $parts) }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) }}
{{- printf "%.0f" . }}
{{- else }}
{{- toRawJson . }}
{{- end }}
{{- end }}
