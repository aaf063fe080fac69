{{/* Names and labels. */}}

{{- define "reassure.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Room is left for what is added to it. */}}
{{- define "reassure.fullname" -}}
{{- $name := include "reassure.name" . }}
{{- $own := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $own .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "reassure.selector" -}}
app.kubernetes.io/name: {{ include "reassure.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of pods beside the service, which its selector must not find. */}}
{{- define "reassure.besides" -}}
app.kubernetes.io/name: {{ include "reassure.name" .root }}-{{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "reassure.labels" -}}
{{ include "reassure.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "reassure.serviceAccountName" -}}
{{- default (ternary (include "reassure.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "reassure.image" -}}
{{- with .Values.image }}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{/* The port of an address such as 0.0.0.0:8080. */}}
{{- define "reassure.port" -}}
{{- regexFind "[0-9]+$" . }}
{{- end }}

{{/* Where the API listens, if others than the pod itself can reach it. */}}
{{- define "reassure.api" -}}
{{- $listen := dig "api" "listen" "" .Values.config }}
{{- if not (regexMatch "^(127\\.|\\[::1\\]|localhost|$)" $listen) }}{{ $listen }}{{ end }}
{{- end }}
