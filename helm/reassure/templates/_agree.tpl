{{/* What no schema can say: parts of the values held against each other. All faults are told at once. */}}
{{- define "reassure.agree" -}}
{{- $faults := list }}
{{- $config := .Values.config }}
{{- $sqlite := eq $config.store.kind "sqlite" }}
{{- if and (not $sqlite) (not $config.store.url) }}
{{- $faults = append $faults "config.store.url: say where PostgreSQL is, such as postgresql://reassure@db:5432/reassure?sslmode=require; or set config.store.kind to sqlite" }}
{{- end }}
{{- if and (not (dig "named" dict ($config.shops | default dict))) (ne (dig "unknown" "refuse" ($config.shops | default dict)) "serve") }}
{{- $faults = append $faults "config.shops.named: name a shop, or the service has nobody to speak for" }}
{{- end }}
{{- if and $sqlite .Values.split }}
{{- $faults = append $faults "split: the file of SQLite is for one pod; set config.store.kind to postgres" }}
{{- end }}
{{- range (include "reassure.workloads" . | fromYamlArray) }}
{{- $at := ternary (printf "split.%s" .component) "pods" (ne .component "service") }}
{{- $reads := has "ingest" .roles }}
{{- with .pods }}
{{- $scaled := ne .autoscaling.kind "none" }}
{{- $most := ternary .autoscaling.maxReplicas .replicas $scaled }}
{{- if and $reads (gt (int $most) (int $.Values.partitions)) }}
{{- $faults = append $faults (printf "%s.%s is %d, but there are %d partitions: the rest would have nothing to do" $at (ternary "autoscaling.maxReplicas" "replicas" $scaled) (int $most) (int $.Values.partitions)) }}
{{- end }}
{{- if and $scaled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) }}
{{- $faults = append $faults (printf "%s.autoscaling.minReplicas is above maxReplicas" $at) }}
{{- end }}
{{- if and (eq .autoscaling.kind "keda") (not $reads) }}
{{- $faults = append $faults (printf "%s.autoscaling.kind: keda goes by the lag of what reads; use hpa here" $at) }}
{{- end }}
{{- if and $sqlite (or $scaled (gt (int .replicas) 1) (ne .kind "StatefulSet")) }}
{{- $faults = append $faults (printf "%s: the file of SQLite is for one pod: kind StatefulSet, replicas 1, autoscaling.kind none" $at) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $kind, $folder := .Values.folders }}
{{- if and $folder (dig $kind "folder" "" $config) }}
{{- $faults = append $faults (printf "config.%s.folder: the chart sets it, since folders.%s is given" $kind $kind) }}
{{- end }}
{{- end }}
{{- if dig "roles" "" $config.service }}
{{- $faults = append $faults "config.service.roles: split says what each set of pods does" }}
{{- end }}
{{- if dig "instance" "" $config.bus }}
{{- $faults = append $faults "config.bus.instance: every pod would have the same name; pods.kind StatefulSet gives each its own" }}
{{- end }}
{{- if regexMatch "^(127\\.|\\[::1\\]|localhost)" $config.http.listen }}
{{- $faults = append $faults "config.http.listen: Kubernetes could not ask a loopback address whether the pod is ready" }}
{{- end }}
{{- if $faults }}
{{- fail (printf "\n  %s\n" (join "\n  " $faults)) }}
{{- end }}
{{- end }}
